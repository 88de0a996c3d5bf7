package postgres

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/historytest"
	"lifeboat/internal/testkit/pgserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStoreKeepsThePromisesOfHistory(t *testing.T) {
	server := pgserver.Start(t)
	historytest.Run(t, func(t testing.TB) history.Store {
		s, err := Open(context.Background(), server.DSN(t))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
