package main

import "github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

// newDashboard makes one page: what was asked, what was seen, what went wrong.
func (h *hub) newDashboard() {
	var errors, durations []awscloudwatch.IMetric
	for _, name := range h.order {
		errors = append(errors, h.ofFunction(name, "Errors"))
		durations = append(durations, h.ofFunction(name, "Duration").With(&awscloudwatch.MetricOptions{Statistic: str("Maximum")}))
	}
	board := awscloudwatch.NewDashboard(h.stack, str("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: str(h.set.title()),
		Widgets: &[]*[]awscloudwatch.IWidget{
			{
				graph("Runs", h.ofRuns("ExecutionsStarted"), h.ofRuns("ExecutionsSucceeded"), h.ofRuns("ExecutionsFailed"), h.ofRuns("ExecutionsTimedOut"), h.ofRuns("ExecutionsAborted")),
				graph("Hosts", h.ofHosts("HostsExamined"), h.ofHosts("HostsPartial"), h.ofHosts("HostsNotExamined"), h.ofHosts("Outliers")),
				graph("Coverage, %", h.coverage()),
			},
			{
				graph("Findings and runs", h.ofRule("findings", "MatchedEvents"), h.ofForwarded("MatchedEvents"), h.ofHosts("RunsTriggered"), h.lostFindings()),
				graph("Bytes uploaded by hosts", uploaded(h.intake)),
				graph("Waiting to be read by somebody", waiting(h.undelivered), waiting(h.failures)),
			},
			{graph("Errors", errors...), graph("Longest call, ms", durations...)},
		},
	})
	named(board, "Dashboard")
}

func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: str(title), Left: &metrics, Width: num(8)})
}
