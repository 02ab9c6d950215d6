/* The plugins of the tests: what a configuration could have beside the packaged
 * ones.  `nameserver` plays a site's own role "dns"; `bridge` plays any role and
 * takes any verb; the others stand for the packaged plugins, without settings
 * of their own but two. */
#ifndef SB_TESTS_MODEL_CATALOGUE_H
#define SB_TESTS_MODEL_CATALOGUE_H

#include "core/model/topology.h"

extern const struct sb_catalogue sb_test_catalogue;

#endif
