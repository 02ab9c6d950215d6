# SB_KEEP_CORE(MACRO)
# Our folder is called core/.  Autoconf and automake write `rm -f core ...' into configure to remove core dumps; with
# a folder of that name each of those lines prints an error, and the one in the exit trap leaves confdefs.h behind,
# which breaks `make distcheck'.  This redefines MACRO as itself without that word.  tests/lint-configure keeps it so.
AC_DEFUN([SB_KEEP_CORE],
[m4_define([$1], m4_bpatsubst(m4_dquote(m4_defn([$1])), [rm -f core ], [rm -f ]))])
