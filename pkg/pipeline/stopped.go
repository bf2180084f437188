package pipeline

// StoppedByPerson is the error with which a person's command ends an execution.
const StoppedByPerson = "Stopped"

// endOf is the status of a run that has ended with this error.
func endOf(name string) RunStatus {
	if name == StoppedByPerson {
		return Stopped
	}
	return FailedRun
}

// stop says of the hosts that a stopped run has left without an outcome why they
// have none.
func (r *run) stop() {
	r.stopped = true
	for i := range r.records {
		if r.records[i].Reason == noOutcome {
			r.records[i].Reason = "the run was stopped"
		}
	}
	r.notes = append(r.notes, "The run was stopped before every host had been examined.")
}
