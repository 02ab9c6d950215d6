/* RESTORE HEADERONLY, FILELISTONLY, LABELONLY, VERIFYONLY: what lies in a backup file (SQL sheet 3.5). */
#include "lab/tds/media.h"
#include "lab/tds/release.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define LSN  "numeric(25,0)"
#define GUID "uniqueidentifier"

/* The columns in order; an older server stops earlier. */
static const char header_columns[] =
        "BackupName nvarchar(128), BackupDescription nvarchar(255), BackupType tinyint, ExpirationDate datetime, "
        "Compressed tinyint, Position smallint, DeviceType tinyint, UserName nvarchar(128), ServerName nvarchar(128), "
        "DatabaseName nvarchar(128), DatabaseVersion int, DatabaseCreationDate datetime, BackupSize bigint, FirstLSN " LSN
        ", LastLSN " LSN ", CheckpointLSN " LSN ", DatabaseBackupLSN " LSN
        ", BackupStartDate datetime, BackupFinishDate datetime, "
        "SortOrder smallint, CodePage smallint, UnicodeLocaleId int, UnicodeComparisonStyle int, CompatibilityLevel tinyint, "
        "SoftwareVendorId int, SoftwareVersionMajor int, SoftwareVersionMinor int, SoftwareVersionBuild int, "
        "MachineName nvarchar(128), Flags int, BindingID " GUID ", RecoveryForkID " GUID
        ", Collation nvarchar(128), FamilyGUID " GUID
        ", HasBulkLoggedData bit, IsSnapshot bit, IsReadOnly bit, IsSingleUser bit, HasBackupChecksums bit, IsDamaged bit, "
        "BeginsLogChain bit, HasIncompleteMetaData bit, IsForceOffline bit, IsCopyOnly bit, FirstRecoveryForkID " GUID
        ", ForkPointLSN " LSN ", RecoveryModel nvarchar(60), DifferentialBaseLSN " LSN ", DifferentialBaseGUID " GUID
        ", BackupTypeDescription nvarchar(128), BackupSetGUID " GUID
        ", CompressedBackupSize bigint, Containment tinyint, "
        "KeyAlgorithm nvarchar(32), EncryptorThumbprint varbinary(20), EncryptorType nvarchar(32), "
        "LastValidRestoreTime datetime, TimeZone smallint, CompressionAlgorithm nvarchar(32)";
static const char file_columns[] =
        "LogicalName nvarchar(128), PhysicalName nvarchar(260), Type nchar(1), FileGroupName nvarchar(128), Size bigint, "
        "MaxSize bigint, FileId bigint, CreateLSN " LSN ", DropLSN " LSN ", UniqueId " GUID ", ReadOnlyLSN " LSN
        ", ReadWriteLSN " LSN ", BackupSizeInBytes bigint, SourceBlockSize int, FileGroupId int, LogGroupGUID " GUID
        ", DifferentialBaseLSN " LSN ", DifferentialBaseGUID " GUID
        ", IsReadOnly bit, IsPresent bit, TDEThumbprint varbinary(20), SnapshotUrl nvarchar(336)";
static const char label_columns[] =
        "MediaName nvarchar(128), MediaSetId " GUID ", FamilyCount int, FamilySequenceNumber int, MediaFamilyId " GUID
        ", MediaSequenceNumber int, MediaLabelPresent tinyint, MediaDescription nvarchar(255), SoftwareName nvarchar(128), "
        "SoftwareVendorId int, MediaDate datetime, Mirror_Count int, IsCompressed bit";

/* By major version of the server. */
static size_t
header_count (unsigned version)
{
    return version >= 16 ? 59 : version >= 12 ? 56 : version == 11 ? 53 : 52;
}

static unsigned
database_version (unsigned server)
{
    static const unsigned versions[] = { 661, 706, 782, 852, 869, 904, 957, 998 };

    return server < 10 || server > 17 ? 957 : versions[server - 10];
}

static w_guid
fork_guid (const struct world *w, w_id fork)
{
    return fork == 0 || fork > w->nforks ? 0 : w->forks[fork - 1].guid;
}

static w_guid
family_guid (const struct world *w, w_id family)
{
    return family == 0 || family > w->nfamilies ? 0 : w->families[family - 1].guid;
}

static void
put_header (struct world *w, const struct w_set *x, struct tds_sink *k)
{
    static const char *const models[] = { "", "FULL", "BULK-LOGGED", "SIMPLE" };
    bool log = x->type == W_SET_LOG;

    tds_row (k);
    tds_put_text (k, "BackupName", x->name[0] == 0 ? NULL : x->name);
    tds_put_int (k, "BackupType", x->type);
    tds_put_int (k, "Compressed", 0);
    tds_put_int (k, "Position", x->position);
    tds_put_int (k, "DeviceType", 2);
    tds_put_text (k, "UserName", x->user);
    tds_put_text (k, "ServerName", x->server);
    tds_put_text (k, "DatabaseName", x->database);
    tds_put_int (k, "DatabaseVersion", database_version (x->version));
    tds_put_time (k, "DatabaseCreationDate", x->created_ms);
    tds_put_int (k, "BackupSize", x->size);
    tds_put_int (k, "FirstLSN", x->first);
    tds_put_int (k, "LastLSN", x->last);
    tds_put_int (k, "CheckpointLSN", x->checkpoint);
    tds_put_int (k, "DatabaseBackupLSN", x->database_backup);
    tds_put_time (k, "BackupStartDate", x->start_ms);
    tds_put_time (k, "BackupFinishDate", x->finish_ms);
    tds_put_int (k, "SortOrder", 52);
    tds_put_int (k, "CodePage", 0);
    tds_put_int (k, "UnicodeLocaleId", 1033);
    tds_put_int (k, "UnicodeComparisonStyle", 196609);
    tds_put_int (k, "CompatibilityLevel", x->version * 10);
    tds_put_int (k, "SoftwareVendorId", 4608);
    tds_put_int (k, "SoftwareVersionMajor", x->version);
    tds_put_int (k, "SoftwareVersionMinor", tds_release (x->version)->minor);
    tds_put_int (k, "SoftwareVersionBuild", tds_release (x->version)->build);
    tds_put_text (k, "MachineName", x->server);
    tds_put_int (k, "Flags", x->flags);
    tds_put_guid (k, "BindingID", w, x->database_guid);
    tds_put_guid (k, "RecoveryForkID", w, fork_guid (w, x->fork));
    tds_put_text (k, "Collation", "SQL_Latin1_General_CP1_CI_AS");
    tds_put_guid (k, "FamilyGUID", w, family_guid (w, x->family));
    tds_put_int (k, "HasBulkLoggedData", 0);
    tds_put_int (k, "IsSnapshot", 0);
    tds_put_int (k, "IsReadOnly", (x->flags & W_SET_READ_ONLY) != 0);
    tds_put_int (k, "IsSingleUser", (x->flags & W_SET_SINGLE_USER) != 0);
    tds_put_int (k, "HasBackupChecksums", (x->flags & W_SET_CHECKSUMS) != 0);
    tds_put_int (k, "IsDamaged", (x->flags & W_SET_DAMAGED) != 0);
    tds_put_int (k, "BeginsLogChain", log && x->first == x->database_backup);
    tds_put_int (k, "HasIncompleteMetaData", 0);
    tds_put_int (k, "IsForceOffline", (x->flags & W_SET_NORECOVERY) != 0);
    tds_put_int (k, "IsCopyOnly", (x->flags & W_SET_COPY_ONLY) != 0);
    tds_put_guid (k, "FirstRecoveryForkID", w, fork_guid (w, x->first_fork));
    tds_put_lsn (k, "ForkPointLSN", x->fork_point);
    tds_put_text (k, "RecoveryModel", models[x->recovery_model % 4]);
    tds_put_text (k, "BackupTypeDescription",
                  log                             ? "Transaction Log"
                  : x->type == W_SET_DIFFERENTIAL ? "Database Differential"
                                                  : "Database");
    if (x->type == W_SET_DIFFERENTIAL)
        tds_put_lsn (k, "DifferentialBaseLSN", x->database_backup);
    tds_put_guid (k, "BackupSetGUID", w, x->guid);
    tds_put_int (k, "CompressedBackupSize", x->size);
    tds_put_int (k, "Containment", 0);
    tds_put_time (k, "LastValidRestoreTime", x->finish_ms);
    tds_put_int (k, "TimeZone", 0);
}

/* Where the files of the server that wrote it lie. */
static const char *
data_folder (const struct world *w, const char *server)
{
    for (unsigned i = 0; i < w->ninstances; i++)
        if (w->instances[i].on_linux && strcmp (w_str (w, w->instances[i].server), server) == 0)
            return "/var/opt/mssql/data/";
    return "D:\\Data\\";
}

static void
put_files (struct world *w, const struct w_set *x, struct tds_sink *k)
{
    for (int file = 1; file <= 2; file++) {
        SB_AUTOFREE char *logical = sb_xprintf ("%s%s", x->database, file == 1 ? "" : "_log");
        SB_AUTOFREE char *path =
                sb_xprintf ("%s%s%s", data_folder (w, x->server), x->database, file == 1 ? ".mdf" : "_log.ldf");
        tds_row (k);
        tds_put_text (k, "LogicalName", logical);
        tds_put_text (k, "PhysicalName", path);
        tds_put_text (k, "Type", file == 1 ? "D" : "L");
        tds_put_text (k, "FileGroupName", file == 1 ? "PRIMARY" : NULL);
        tds_put_int (k, "Size", file == 1 ? 67108864 : 8388608);
        tds_put_int (k, "MaxSize", file == 1 ? INT64_C (35184372080640) : INT64_C (2199023255552));
        tds_put_int (k, "FileId", file);
        tds_put_int (k, "CreateLSN", 0);
        tds_put_int (k, "DropLSN", 0);
        tds_put_guid (k, "UniqueId", w, x->database_guid);
        tds_put_int (k, "ReadOnlyLSN", 0);
        tds_put_int (k, "ReadWriteLSN", 0);
        tds_put_int (k, "BackupSizeInBytes", file == 1 && x->type != W_SET_LOG ? x->size : 0);
        tds_put_int (k, "SourceBlockSize", 4096);
        tds_put_int (k, "FileGroupId", file == 1 ? 1 : 0);
        tds_put_int (k, "DifferentialBaseLSN", x->type == W_SET_DIFFERENTIAL ? x->database_backup : 0);
        tds_put_int (k, "IsReadOnly", 0);
        tds_put_int (k, "IsPresent", 1);
    }
}

static void
put_label (struct world *w, const struct w_set *x, struct tds_sink *k)
{
    tds_row (k);
    tds_put_guid (k, "MediaSetId", w, x->guid);
    tds_put_int (k, "FamilyCount", 1);
    tds_put_int (k, "FamilySequenceNumber", 1);
    tds_put_guid (k, "MediaFamilyId", w, x->guid);
    tds_put_int (k, "MediaSequenceNumber", 1);
    tds_put_int (k, "MediaLabelPresent", 0);
    tds_put_text (k, "SoftwareName", "Microsoft SQL Server");
    tds_put_int (k, "SoftwareVendorId", 4608);
    tds_put_time (k, "MediaDate", x->start_ms);
    tds_put_int (k, "Mirror_Count", 1);
    tds_put_int (k, "IsCompressed", 0);
}

/* Is the header of a set to be read, whatever became of the rest? */
static bool
readable (const struct w_file_set *f)
{
    return f->set_class == W_SET_GOOD || f->set_class == W_SET_BROKEN
           || (f->set_class == W_SET_SHORT && f->set.database[0] != 0);
}

static void
say_class (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m, unsigned set_class)
{
    switch (set_class) {
    case W_SET_NO_POSITION:
        tds_say (s, r, 3287, (int) m->file, m->path);
        return;
    case W_SET_BROKEN:
        tds_say (s, r, 3189);
        return;
    case W_SET_EMPTY:
    case W_SET_SHORT:
        tds_say (s, r, 3254, m->path);
        return;
    default:
        tds_say (s, r, 3241, m->path);
    }
}

bool
tds_media_sets (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m, struct w_file_set **ret,
                size_t *n)
{
    int error = w_client_sets (s->world, s->instance, m->path, ret, n);

    if (error == W_FILE_OK && *n > 0)
        return true;
    if (error != W_FILE_OK)
        tds_say_state (s, r, 3201, 2, m->path, w_file_error_text (error));
    else
        tds_say (s, r, 3254, m->path);
    return false;
}

static const struct sb_sql_object *
result_object (struct tds_session *s, const struct sb_sql_run *r, const char *columns, size_t limit,
               struct sb_sql_query *q)
{
    size_t n;
    struct sb_sql_column *cols = tds_columns_of (r->c->arena, columns, &n);

    if (n > limit)
        n = limit;
    q->ncols = n;
    q->types = sb_arena_alloc (r->c->arena, n * sizeof *q->types);
    for (size_t i = 0; i < n; i++) {
        q->types[i] = cols[i].type;
        if (cols[i].type.kind == SB_SQL_NUMERIC)
            q->types[i].len = 17; /* what the server claims for LSNs here, though 13 would do */
    }
    q->sql = "SELECT * FROM \"restore result\"";
    return tds_object_new (s, r->c->arena, "restore result", cols, n);
}

/* The set that FILE = n means; NULL: said. */
static const struct w_file_set *
wanted (struct tds_session *s, const struct sb_sql_run *r, struct tds_media *m, const struct w_file_set *sets, size_t n,
        bool whole)
{
    size_t at = m->file > 0 ? (size_t) m->file - 1 : 0;

    if (at >= n) {
        say_class (s, r, m, W_SET_NO_POSITION);
        return NULL;
    }
    if (whole ? sets[at].set_class == W_SET_GOOD : readable (&sets[at]))
        return &sets[at];
    say_class (s, r, m, sets[at].set_class);
    return NULL;
}

static enum sb_sql_end
verify (struct tds_session *s, const struct sb_sql_run *r, struct tds_media *m, const struct w_file_set *sets, size_t n)
{
    if (wanted (s, r, m, sets, n, true) == NULL)
        return tds_media_failed (s, r, m);
    tds_say (s, r, 3262, m->file > 0 ? (int) m->file : 1);
    tds_done (s, r, 0, m->command, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
tds_media_headers (struct tds_session *s, const struct sb_sql_run *r, struct tds_media *m, char which)
{
    SB_AUTOFREE struct w_file_set *sets = NULL;
    const struct sb_sql_object *o;
    struct sb_sql_query q = { 0 };
    struct world *w;
    struct tds_sink *k;
    size_t n = 0;
    int64_t rows = 0;

    if (!tds_media_sets (s, r, m, &sets, &n))
        return tds_media_failed (s, r, m);
    if (which == 'v')
        return verify (s, r, m, sets, n);
    if (wanted (s, r, m, sets, n, false) == NULL)
        return tds_media_failed (s, r, m);
    w = tds_world (s);
    if (w == NULL)
        return SB_END_BATCH;
    o = result_object (s, r,
                       which == 'h'   ? header_columns
                       : which == 'f' ? file_columns
                                      : label_columns,
                       which == 'h' ? header_count (w_instance (w, s->instance)->version) : 100, &q);
    if (o == NULL)
        return tds_media_failed (s, r, m);
    k = tds_sink_open (s, o);
    for (size_t i = 0; i < n; i++) {
        bool this_one = m->file == 0 ? which == 'h' || i == 0 : (size_t) m->file == i + 1;
        if (!this_one || !readable (&sets[i]))
            continue;
        if (which == 'h')
            put_header (w, &sets[i].set, k);
        else if (which == 'f')
            put_files (w, &sets[i].set, k);
        else
            put_label (w, &sets[i].set, k);
    }
    tds_sink_close (k);
    tds_select (s, r, &q, &rows);
    s->rowcount = rows;
    tds_done (s, r, SB_TDS_COUNT, TDS_CMD_RESTORE_INFO, rows);
    tds_done (s, r, 0, m->command, 0);
    return SB_END_GO_ON;
}
