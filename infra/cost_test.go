package main

import (
	"maps"
	"slices"
	"testing"

	"diffy/infra/template"
	"diffy/pkg/cost"
)

// TestCostCountsTheTemplate: what pkg/cost/rates.yaml says of the stack is so. When
// it is not, change it there; docs/cost.md follows by
// go test ./cmd/diffy -run CostIsAsDocumented -update.
func TestCostCountsTheTemplate(t *testing.T) {
	rates, err := cost.Default()
	if err != nil {
		t.Fatal(err)
	}
	hub := made(t, byDefault).hub
	got := map[string]float64{
		"keys":        float64(len(hub.Of("AWS::KMS::Key"))),
		"own_metrics": float64(len(hub.Of("AWS::Logs::MetricFilter"))),
		"dashboards":  float64(len(hub.Of("AWS::CloudWatch::Dashboard"))),
	}
	for _, id := range hub.Of("AWS::CloudWatch::Alarm") {
		got["alarm_metrics"] += float64(max(1, len(template.List(hub.Resources[id].Properties["Metrics"]))-1)) // but the expression
	}
	for _, step := range []string{"resolve", "collect", "poll", "extract", "analyze", "publish"} {
		memory, _ := the(t, hub, camel(step)+"Function").Properties["MemorySize"].(float64)
		got[step+"_mib"] = memory
	}
	want := map[string]float64{}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		want[name] = rates.Usage[name].Value
	}
	same(t, "pkg/cost/rates.yaml and the template", want, got)
}
