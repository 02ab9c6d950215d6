/* msdb: what was backed up and restored (SQL sheet 3.6). */
#include "lab/tds/release.h"
#include "lab/tds/view.h"

#include <stdlib.h>
#include <string.h>

/* Histories of this instance, oldest first; `*at` counts from 0. */
static const struct w_history *
next_history (struct tds_session *s, const struct world *w, unsigned *at)
{
    while (*at < w->limit_history) {
        const struct w_history *h = &w->history[(w->history_next + (*at)++) % w->limit_history];
        if (h->instance == s->instance && h->kind != 0)
            return h;
    }
    return NULL;
}

/* A backup of ours, or the set that a restore of ours read (it gets a row here too). */
static bool
is_set (const struct w_history *h)
{
    return h->kind == W_WAS_BACKUP || h->file != 0;
}

static w_guid
fork_guid (const struct world *w, w_id fork)
{
    return fork == 0 ? 0 : w->forks[fork - 1].guid;
}

static const char *
type_letter (const struct w_history *h)
{
    return h->type == W_SET_LOG ? "L" : h->type == W_SET_DIFFERENTIAL ? "I" : "D";
}

static void
put_set (struct world *w, const struct w_history *h, struct tds_sink *k)
{
    static const char *const models[] = { "", "FULL", "BULK-LOGGED", "SIMPLE" };
    const struct tds_release *is = tds_release (w->instances[h->instance - 1].version);
    uint32_t flags = h->kind == W_WAS_BACKUP ? h->flags : W_SET_ALWAYS; /* of a restore they are its options */

    tds_put_int (k, "backup_set_id", h->id);
    tds_put_guid (k, "backup_set_uuid", w, h->set);
    tds_put_int (k, "media_set_id", h->id);
    tds_put_int (k, "first_family_number", 1);
    tds_put_int (k, "first_media_number", 1);
    tds_put_int (k, "last_family_number", 1);
    tds_put_int (k, "last_media_number", 1);
    tds_put_int (k, "position", 1);
    tds_put_int (k, "software_vendor_id", 4608);
    tds_put_text (k, "user_name", w_str (w, h->user));
    tds_put_int (k, "software_major_version", w->instances[h->instance - 1].version);
    tds_put_int (k, "software_minor_version", is->minor);
    tds_put_int (k, "software_build_version", is->build);
    tds_put_lsn (k, "first_lsn", h->first);
    tds_put_lsn (k, "last_lsn", h->last);
    tds_put_lsn (k, "checkpoint_lsn", h->checkpoint);
    tds_put_int (k, "database_backup_lsn", h->database_backup);
    tds_put_time (k, "database_creation_date", h->created_ms);
    tds_put_time (k, "backup_start_date", h->start_ms);
    tds_put_time (k, "backup_finish_date", h->finish_ms);
    tds_put_text (k, "type", type_letter (h));
    tds_put_int (k, "sort_order", 52);
    tds_put_int (k, "code_page", 0);
    tds_put_int (k, "compatibility_level", 160);
    tds_put_int (k, "database_version", 957);
    tds_put_int (k, "backup_size", h->size);
    tds_put_int (k, "compressed_backup_size", h->size);
    tds_put_text (k, "database_name", w_str (w, h->database));
    tds_put_text (k, "server_name", w_str (w, h->server));
    tds_put_text (k, "machine_name", w_str (w, h->server));
    tds_put_int (k, "flags", flags);
    tds_put_int (k, "unicode_locale", 1033);
    tds_put_int (k, "unicode_compare_style", 196609);
    tds_put_text (k, "collation_name", "SQL_Latin1_General_CP1_CI_AS");
    tds_put_int (k, "is_password_protected", 0);
    tds_put_text (k, "recovery_model", models[h->recovery_model % 4]);
    tds_put_int (k, "has_bulk_logged_data", 0);
    tds_put_int (k, "is_snapshot", 0);
    tds_put_int (k, "is_readonly", (flags & W_SET_READ_ONLY) != 0);
    tds_put_int (k, "is_single_user", (flags & W_SET_SINGLE_USER) != 0);
    tds_put_int (k, "has_backup_checksums", (flags & W_SET_CHECKSUMS) != 0);
    tds_put_int (k, "is_damaged", (flags & W_SET_DAMAGED) != 0);
    tds_put_int (k, "begins_log_chain", 0);
    tds_put_int (k, "has_incomplete_metadata", 0);
    tds_put_int (k, "is_force_offline", (flags & W_SET_NORECOVERY) != 0);
    tds_put_int (k, "is_copy_only", (flags & W_SET_COPY_ONLY) != 0);
    tds_put_guid (k, "first_recovery_fork_guid", w, fork_guid (w, h->first_fork));
    tds_put_guid (k, "last_recovery_fork_guid", w, fork_guid (w, h->fork));
    tds_put_lsn (k, "fork_point_lsn", h->fork_point);
    if (h->family != 0) {
        tds_put_guid (k, "family_guid", w, w->families[h->family - 1].guid);
        tds_put_guid (k, "database_guid", w, w->families[h->family - 1].guid);
    }
}

static void
fill_backupset (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_history *h;

    for (unsigned at = 0; (h = next_history (s, w, &at)) != NULL;)
        if (is_set (h)) {
            tds_row (k);
            put_set (w, h, k);
        }
}

static void
fill_family (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_history *h;

    for (unsigned at = 0; (h = next_history (s, w, &at)) != NULL;)
        if (is_set (h)) {
            tds_row (k);
            tds_put_int (k, "media_set_id", h->id);
            tds_put_int (k, "family_sequence_number", 1);
            tds_put_int (k, "media_family_count", 1);
            tds_put_int (k, "media_count", 1);
            tds_put_text (k, "physical_device_name", w_str (w, h->file));
            tds_put_int (k, "device_type", 2);
            tds_put_int (k, "physical_block_size", 65536);
            tds_put_int (k, "mirror", 0);
            tds_put_int (k, "mirror_count", 1);
            tds_put_text (k, "software_name", "Microsoft SQL Server");
            tds_put_int (k, "software_vendor_id", 4608);
            tds_put_int (k, "is_compressed", 0);
        }
}

static void
fill_restores (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_history *h;

    for (unsigned at = 0; (h = next_history (s, w, &at)) != NULL;)
        if (h->kind == W_WAS_RESTORE) {
            tds_row (k);
            tds_put_int (k, "restore_history_id", h->id);
            tds_put_time (k, "restore_date", h->at_ms);
            tds_put_text (k, "destination_database_name", w_str (w, h->database));
            tds_put_text (k, "user_name", w_str (w, h->user));
            tds_put_int (k, "backup_set_id", h->id);
            tds_put_text (k, "restore_type", type_letter (h));
            tds_put_int (k, "replace", (h->flags & W_WITH_REPLACE) != 0);
            tds_put_int (k, "recovery", (h->flags & (W_WITH_NORECOVERY | W_WITH_STANDBY)) == 0);
            tds_put_int (k, "restart", 0);
            tds_put_int (k, "device_count", 1);
        }
}

const struct tds_view tds_views_backup[] = {
    { "msdb", "dbo", "backupset",
      "backup_set_id int not null, backup_set_uuid uniqueidentifier not null, media_set_id int not null, "
      "first_family_number tinyint, first_media_number smallint, last_family_number tinyint, last_media_number smallint, "
      "catalog_family_number tinyint, catalog_media_number smallint, position int, expiration_date datetime, "
      "software_vendor_id int, name nvarchar(128), description nvarchar(255), user_name nvarchar(128), "
      "software_major_version tinyint, software_minor_version tinyint, software_build_version smallint, time_zone smallint, "
      "mtf_minor_version tinyint, first_lsn numeric(25,0), last_lsn numeric(25,0), checkpoint_lsn numeric(25,0), "
      "database_backup_lsn numeric(25,0), database_creation_date datetime, backup_start_date datetime, "
      "backup_finish_date datetime, type char(1), sort_order smallint, code_page smallint, compatibility_level tinyint, "
      "database_version int, backup_size numeric(20,0), database_name nvarchar(128), server_name nvarchar(128), "
      "machine_name nvarchar(128), flags int, unicode_locale int, unicode_compare_style int, collation_name nvarchar(128), "
      "is_password_protected bit, recovery_model nvarchar(60), has_bulk_logged_data bit, is_snapshot bit, is_readonly bit, "
      "is_single_user bit, has_backup_checksums bit, is_damaged bit, begins_log_chain bit, has_incomplete_metadata bit, "
      "is_force_offline bit, is_copy_only bit, first_recovery_fork_guid uniqueidentifier, "
      "last_recovery_fork_guid uniqueidentifier, fork_point_lsn numeric(25,0), database_guid uniqueidentifier, "
      "family_guid uniqueidentifier, differential_base_lsn numeric(25,0), differential_base_guid uniqueidentifier, "
      "compressed_backup_size numeric(20,0), key_algorithm nvarchar(32), encryptor_thumbprint varbinary(20), "
      "encryptor_type nvarchar(32), last_valid_restore_time datetime, compression_algorithm nvarchar(32)",
      fill_backupset, 0 },
    { "msdb", "dbo", "backupmediafamily",
      "media_set_id int not null, family_sequence_number tinyint not null, media_family_id uniqueidentifier, media_count int, "
      "logical_device_name nvarchar(128), physical_device_name nvarchar(260), device_type tinyint, physical_block_size int, "
      "mirror tinyint not null",
      fill_family, 0 },
    { "msdb", "dbo", "backupmediaset",
      "media_set_id int not null, media_uuid uniqueidentifier, media_family_count tinyint, name nvarchar(128), "
      "description nvarchar(255), software_name nvarchar(128), software_vendor_id int, MTF_major_version tinyint, "
      "mirror_count tinyint, is_password_protected bit, is_compressed bit, is_encrypted bit",
      fill_family, 0 },
    { "msdb", "dbo", "restorehistory",
      "restore_history_id int not null, restore_date datetime, destination_database_name nvarchar(128), user_name nvarchar(128), "
      "backup_set_id int, restore_type char(1), replace bit, recovery bit, restart bit, stop_at datetime, device_count tinyint, "
      "stop_at_mark_name nvarchar(128), stop_before bit",
      fill_restores, 0 },
    { NULL, NULL, NULL, NULL, NULL, 0 },
};
