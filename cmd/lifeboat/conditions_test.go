package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"lifeboat/web"
)

func TestManyPagesShareOneLookAtTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lastConditions
		looks := 0
		look := func(ctx context.Context) []web.Condition {
			looks++
			if ctx.Err() != nil {
				t.Error("the look was called off with the page that caused it")
			}
			return []web.Condition{{Code: "config_invalid"}}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		for range 5 {
			if got := l.get(gone, look); len(got) != 1 {
				t.Fatalf("get = %v, want what the look found", got)
			}
		}
		if looks != 1 {
			t.Errorf("five pages at once looked %d times, want once", looks)
		}
		time.Sleep(conditionsAge)
		l.get(gone, look)
		l.forget()
		l.get(gone, look)
		if looks != 3 {
			t.Errorf("%d looks, want another one after %s and one after a reload", looks, conditionsAge)
		}
	})
}
