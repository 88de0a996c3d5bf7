package pages

import (
	"fmt"
	"testing"

	"lifeboat/history"
	"lifeboat/verify"
)

func TestTheFloorOfAChartIsThatOfTheLastGoodDrills(t *testing.T) {
	var points []history.Point
	for i := range 30 {
		v := verify.Passed
		switch {
		case i >= 25, i%3 == 1:
			v = verify.Failed
		case i%3 == 2:
			v = verify.Warned
		}
		points = append(points, history.Point{Drill: fmt.Sprint(i), Verdict: v, Bytes: int64(1000 + i), Rows: map[string]int64{"orders": int64(i)}})
	}
	base, all := baselineOf(points)
	if !all || len(base.Drills) != baselineDrills || base.Drills[0].Drill != "24" || base.Drills[9].Drill != "11" {
		t.Errorf("baselineOf = %+v, %t; want the last ten good drills, newest first", base.Drills, all)
	}
	if got, want := base.LeastRows("orders"), int64(1); got != want {
		t.Errorf("LeastRows = %d, want %d", got, want)
	}
	if base, all := baselineOf(points[:3]); all || len(base.Drills) != 2 {
		t.Errorf("baselineOf three = %d drills, %t; want two, and that there may be more", len(base.Drills), all)
	}
}
