// Package report shows a result to people and machines: JSON, text for a
// terminal, one self-contained HTML page, CSV and a timeline, and the message that
// tells of it, in the forms of mail, Slack and Amazon Q. In goes a triage.Result, out
// come bytes, the same for the same result.
//
// Every string of a result may come from a compromised host. All formats but
// JSON start from a copy in which nothing can act any more (harmless.go), and
// each adds what its own reader needs: contextual escaping in HTML, no formulas
// in CSV, no escape sequences in a terminal, no links and mentions in a message.
// JSON carries the values as they are and escapes what a terminal would obey.
//
// The package never reads a clock, opens a file, asks the network or calls a
// host clean: what was looked for and not found is "not seen".
package report
