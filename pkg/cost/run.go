package cost

// Run is the size of a run.
type Run struct {
	Hosts   int  // that are asked
	Batches int  // branches of the map: see pipeline.Batching
	Pinned  bool // hosts download a pinned osquery
}

// The services of a bill's lines.
const (
	Lambda    = "Lambda"
	States    = "Step Functions"
	S3        = "S3"
	DynamoDB  = "DynamoDB"
	KMS       = "KMS"
	SNS       = "SNS"
	Watch     = "CloudWatch and X-Ray"
	Transfers = "Network"
)

// Services are those that a run uses, in the order of its bill.
func Services() []string { return []string{Lambda, States, S3, DynamoDB, KMS, SNS, Watch} }

// Once is what the run costs, once. SSM Run Command, EventBridge's own events, and
// S3 within the region through a gateway endpoint are free.
func (r *Rates) Once(run Run) Bill {
	b := &bill{rates: r}
	if run.Hosts == 0 {
		return b.Bill
	}
	transitions := r.transitions(run)
	calls := r.calls(run)
	b.add(Lambda, "lambda_gb_seconds", r.compute(run))
	b.add(Lambda, "lambda_requests", calls)
	b.add(States, "states_transitions", transitions)
	writes, reads := r.requests(run)
	b.add(S3, "s3_writes", writes)
	b.add(S3, "s3_reads", reads)
	b.add(DynamoDB, "dynamodb_writes", r.of("run_record_writes"))
	b.add(DynamoDB, "dynamodb_reads", r.of("run_record_reads"))
	b.add(KMS, "kms_requests", (writes+reads)*r.of("kms_share")+r.of("run_record_writes")+r.of("messages"))
	b.add(SNS, "sns_requests", r.of("messages"))
	b.add(SNS, "sns_emails", r.of("emails"))
	b.add(Watch, "logs_ingested", (calls*r.of("invocation_log_bytes")+transitions*r.of("transition_log_bytes"))/gigabyte)
	b.add(Watch, "xray_traces", float64(1+run.Batches))
	return b.Bill
}

func (r *Rates) transitions(run Run) float64 {
	branch := r.of("batch_transitions") + r.of("polls")*r.of("poll_transitions")
	return r.of("run_transitions") + float64(run.Batches)*branch
}

// calls counts those of functions: resolve, analyze and publish, and the branches'.
func (r *Rates) calls(run Run) float64 {
	return 3 + float64(run.Batches)*(2+r.of("polls"))
}

// compute is GB-seconds of all functions.
func (r *Rates) compute(run Run) float64 {
	hosts, batches := float64(run.Hosts), float64(run.Batches)
	analyze := "analyze_mib"
	if hosts >= r.of("large_group") {
		analyze = "analyze_large_mib"
	}
	mib := r.of("resolve_mib")*(r.of("resolve_seconds")+hosts*r.of("resolve_host_seconds")) +
		r.of("collect_mib")*batches*r.of("collect_seconds") +
		r.of("poll_mib")*batches*r.of("polls")*r.of("poll_seconds") +
		r.of("extract_mib")*(batches*r.of("extract_seconds")+hosts*r.of("extract_host_seconds")) +
		r.of(analyze)*(r.of("analyze_seconds")+hosts*r.of("analyze_host_seconds")) +
		r.of("publish_mib")*r.of("publish_seconds")
	return mib / gibi
}

func (r *Rates) requests(run Run) (writes, reads float64) {
	hosts, batches := float64(run.Hosts), float64(run.Batches)
	writes = r.of("run_writes") + batches*r.of("batch_writes") + hosts*r.of("host_writes")
	reads = r.of("run_reads") + batches*r.of("batch_reads") + hosts*r.of("host_reads")
	if !run.Pinned {
		reads -= hosts
	}
	return writes, reads
}

// Kept is what a run costs each month that its evidence and results are kept.
func (r *Rates) Kept(run Run) Bill {
	b := &bill{rates: r}
	if run.Hosts == 0 {
		return b.Bill
	}
	bytes := float64(run.Hosts)*(r.of("snapshot_bytes")+r.of("facts_bytes")) + r.of("result_bytes")
	b.add(S3, "s3_storage", bytes/gigabyte)
	return b.Bill
}

// Idle is what the deployment costs each month without any run. Each member region
// adds the metrics of its own intake bucket and one alarm.
func (r *Rates) Idle() Bill {
	b := &bill{rates: r}
	b.add(KMS, "kms_keys", r.of("keys"))
	b.add(Watch, "alarm_metrics", r.of("alarm_metrics"))
	b.add(Watch, "metrics", r.of("own_metrics")+r.of("s3_metrics"))
	b.add(Watch, "dashboards", r.of("dashboards"))
	b.add(DynamoDB, "dynamodb_storage", r.of("table_bytes")/gigabyte)
	b.add(DynamoDB, "dynamodb_recovery", r.of("table_bytes")/gigabyte)
	return b.Bill
}

// Extra is what a run costs besides where the network is not as it should be.
type Extra struct {
	If   string `json:"if"`
	Bill Bill   `json:"bill"`
}

// Extras are the costs of ways to S3 other than a gateway endpoint in the region of
// hosts and hub, each instead of the others or, the last, on top.
func (r *Rates) Extras(run Run) []Extra {
	up := float64(run.Hosts) * r.of("snapshot_bytes") / gigabyte
	down := float64(run.Hosts) * r.of("bundle_bytes") / gigabyte
	if run.Pinned {
		down += float64(run.Hosts) * r.of("osquery_bytes") / gigabyte
	}
	extra := func(when, price string, gigabytes float64) Extra {
		b := &bill{rates: r}
		b.add(Transfers, price, gigabytes)
		return Extra{If: when, Bill: b.Bill}
	}
	return []Extra{
		extra("hosts reach S3 through a NAT gateway", "nat_gb", up+down),
		extra("hosts reach S3 through an interface endpoint", "endpoint_gb", up+down),
		extra("hosts are in another region than the hub", "region_gb", up),
	}
}
