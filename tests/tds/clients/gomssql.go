// The TDS door as go-mssqldb (the package of Debian) sees it.  One line of TAP detail per failure; silence is success.
// Usage: gomssql PORT PASSWORD encrypt=disable|false|true [certificate=FILE]
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	_ "github.com/denisenkom/go-mssqldb"
)

var failed = false

func check(good bool, format string, args ...interface{}) {
	if !good {
		failed = true
		fmt.Printf(format+"\n", args...)
	}
}

func main() {
	dsn := fmt.Sprintf("server=127.0.0.1;port=%s;user id=switchback;password=%s;database=master;app name=go;%s",
		os.Args[1], os.Args[2], strings.Join(os.Args[3:], ";"))
	db, err := sql.Open("mssql", dsn)
	check(err == nil, "open: %v", err)
	// This driver panics when it closes a connection with TLS ("Not implemented"): nothing is closed, and nothing is
	// asked that makes it close one.
	closes := os.Args[3] == "encrypt=disable"
	db.SetMaxIdleConns(100)

	var n int64
	var s string
	var null sql.NullString
	err = db.QueryRow("select cast(42 as int), N'äß日', cast(null as nvarchar(10))").Scan(&n, &s, &null)
	check(err == nil && n == 42 && s == "äß日" && !null.Valid, "values: %v %d %s", err, n, s)

	err = db.QueryRow("select ?1 + 1, ?2", int64(6), "zz").Scan(&n, &s)
	check(err == nil && n == 7 && s == "zz", "parameters: %v %d %s", err, n, s)

	var at time.Time
	var b []byte
	var bit bool
	var f float64
	err = db.QueryRow("select cast('2026-03-01T12:30:15' as datetime), 0x0102, cast(1 as bit), cast(1.5 as float)").
		Scan(&at, &b, &bit, &f)
	check(err == nil && at.Year() == 2026 && at.Minute() == 30 && len(b) == 2 && bit && f == 1.5, "types: %v %v", err, at)

	big := strings.Repeat("x", 100000)
	err = db.QueryRow("select ?1", big).Scan(&s)
	check(err == nil && s == big, "a large value: %v %d", err, len(s))

	rows, err := db.Query("select name from sys.databases where database_id <= 4 order by database_id")
	count := 0
	for err == nil && rows.Next() {
		check(rows.Scan(&s) == nil, "scan")
		count++
	}
	check(err == nil && count == 4, "rows: %v %d", err, count)

	_, err = db.Query("select * from nothing")
	check(err != nil && strings.Contains(err.Error(), "Invalid object name"), "an error: %v", err)
	_, err = db.Exec("raiserror (N'no %s', 16, 1, N'way')")
	check(err != nil && strings.Contains(err.Error(), "no way"), "raiserror: %v", err)

	tx, err := db.Begin()
	check(err == nil, "begin: %v", err)
	if err != nil {
		os.Exit(1)
	}
	_, err = tx.Exec("insert mgc.dbo.tblChat (channelId, chatId, chatDate, userId, isAlert, content) values (?1, 1, 5, 7, 0, ?2)",
		int64(950), "go")
	check(err == nil, "insert: %v", err)
	err = tx.QueryRow("select count(*) from mgc.dbo.tblChat where channelId = 950").Scan(&n)
	check(err == nil && n == 1, "inside: %v %d", err, n)
	check(tx.Rollback() == nil, "rollback")
	err = db.QueryRow("select count(*) from mgc.dbo.tblChat where channelId = 950").Scan(&n)
	check(err == nil && n == 0, "outside: %v %d", err, n)

	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	begun := time.Now()
	_, err = db.ExecContext(ctx, "waitfor delay '00:00:30'")
	check(err != nil && time.Since(begun) < 20*time.Second, "attention: %v after %v", err, time.Since(begun))
	cancel()
	check(db.QueryRow("select 1").Scan(&n) == nil && n == 1, "after attention")

	var wait sync.WaitGroup
	var lock sync.Mutex
	for i := 0; i < 8; i++ {
		wait.Add(1)
		go func(i int64) {
			defer wait.Done()
			var n int64
			err := db.QueryRow("select ?1 * 2", i).Scan(&n)
			lock.Lock()
			check(err == nil && n == i*2, "session %d: %v", i, err)
			lock.Unlock()
		}(int64(i))
	}
	wait.Wait()

	if !closes {
		if failed {
			os.Exit(1)
		}
		return
	}
	bad, _ := sql.Open("mssql", strings.Replace(dsn, "password=", "password=x", 1))
	err = bad.Ping()
	check(err != nil && strings.Contains(err.Error(), "Login failed"), "a wrong password: %v", err)
	bad.Close()
	if failed {
		os.Exit(1)
	}
}
