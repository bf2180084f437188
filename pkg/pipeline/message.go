package pipeline

import (
	"fmt"
	"strconv"

	"diffy/pkg/report"
	"diffy/pkg/triage"
)

// Statuses of messages that end no run.
const (
	statusTest   = "test"   // a sample has arrived: nothing was started
	statusNotice = "notice" // something of diffy's own that people should know
)

// messageID is the same for the same news of a run.
func messageID(run string, status RunStatus) string { return run + "/" + string(status) }

// resultMessage is the message of a run that went well. console is where a
// signed-in person finds the report; empty: not known.
func resultMessage(record Run, r *triage.Result, console string) (Message, error) {
	a := report.NewAlert(r, record.Purpose)
	a.ID, a.Run, a.Status = messageID(record.ID, Succeeded), record.ID, string(Succeeded)
	a.Account, a.Region = record.Account, record.Region
	a.Console, a.Command = console, "diffy runs report "+record.ID
	return newMessage(a)
}

// failureMessage is the message of a run that failed or was stopped. console is
// where a signed-in person finds the execution; empty: not known.
func failureMessage(record Run, console string) (Message, error) {
	verdict := "The run failed: "
	if record.Status == Stopped {
		verdict = "The run was stopped: "
	}
	return newMessage(report.Alert{
		Schema: report.AlertSchema, ID: messageID(record.ID, record.Status), Run: record.ID, Incident: record.Incident,
		Group: record.GroupKey, Account: record.Account, Region: record.Region, Purpose: record.Purpose, Finished: record.Finished,
		Status: string(record.Status), Severity: report.NothingIsSeen, Verdict: verdict + record.Reason,
		Console: console, Command: "diffy runs show " + record.ID,
	})
}

// sampleMessage says what a sample finding would have started.
func sampleMessage(id string, r triage.Request) (Message, error) {
	a := noticeAlert(id, r, "TEST: a sample finding arrived; had it been real, a triage of this group would have started")
	a.Status, a.Test = statusTest, true
	return newMessage(a)
}

// noticeMessage tells of something that ends no run: about is the request that it
// happened to. The same id is the same news.
func noticeMessage(id string, about triage.Request, verdict string) (Message, error) {
	return newMessage(noticeAlert(id, about, verdict))
}

func noticeAlert(id string, about triage.Request, verdict string) report.Alert {
	return report.Alert{
		Schema: report.AlertSchema, ID: id, Group: TargetKey(about.Target), Account: about.Target.Account, Region: about.Target.Region,
		Incident: about.Incident, Trigger: about.Trigger, Status: statusNotice, Severity: report.NothingIsSeen, Verdict: verdict,
	}
}

// newMessage puts an alert in the forms that subscribers take.
func newMessage(a report.Alert) (Message, error) {
	a = a.Sealed()
	data, err := a.JSON()
	if err != nil {
		return Message{}, fmt.Errorf("encode alert %s: %w", a.ID, err)
	}
	chat, err := a.AmazonQ()
	if err != nil {
		return Message{}, fmt.Errorf("encode chat message %s: %w", a.ID, err)
	}
	m := Message{
		ID: a.ID, Subject: a.Subject(), Alert: data, Text: a.Text(), Chat: chat,
		Attributes: map[string]string{
			"id": a.ID, "status": a.Status, "severity": a.Severity, "group": a.Group,
			"account": a.Account, "region": a.Region, "test": strconv.FormatBool(a.Test),
		},
	}
	if c := a.Hosts; c != nil {
		m.Numbers = map[string]int{"outliers": c.Outliers, "coverage": 100 * c.Examined / max(1, c.Requested)}
	}
	return m, nil
}
