package e2e

import (
	"testing"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline/storetest"
)

func TestStores(t *testing.T) {
	w := newWorld(t)
	c, err := cloud.New(t.Context(), w.cfg)
	w.must(err)
	storetest.Run(t, storetest.Stores{
		Objects: c.Objects, Baselines: c.Table, Suppressions: c.Table, Runs: c.Table, Storm: c.Table,
		Shelf: c.Table, Declarations: c.Table,
	})
}
