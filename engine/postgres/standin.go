package postgres

import (
	"context"
	"lifeboat/engine"
)

const amcheckSchema = "lifeboat_amcheck"

func (d *database) Soundness(ctx context.Context) (engine.Soundness, error) {
	return engine.Soundness{}, nil
}
