// Package db holds the schema and the products of the shop, as migrations that are applied in
// order, once each.
package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrate brings the database up to date and returns its version. An advisory lock makes others
// that migrate at the same time wait until this one is done.
func Migrate(ctx context.Context, database *sql.DB, log *slog.Logger) (int64, error) {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return 0, fmt.Errorf("embedded migrations: %w", err)
	}
	// Look once a second, for a minute.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return 0, fmt.Errorf("migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, database, migrations, goose.WithSessionLocker(locker))
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	applied, err := provider.Up(ctx)
	for _, migration := range applied {
		log.Info("migration applied", "file", migration.Source.Path, "milliseconds", migration.Duration.Milliseconds())
	}
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return provider.GetDBVersion(ctx)
}
