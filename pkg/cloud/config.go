package cloud

import (
	"errors"
	"fmt"
	"strings"
)

// Config names what was deployed. It holds no secret.
type Config struct {
	Account string // the deployment's own, 12 digits
	Region  string

	Intake       string // bucket of the own account and region; others differ in these two at its end
	Evidence     string // bucket
	Work         string // bucket
	Table        string
	Topic        string // ARN
	ChatTopic    string // ARN; empty: nobody chats
	StateMachine string // ARN
	Document     string // name of the SSM document, the same in each place

	TargetRole string // name of the role that is assumed in other accounts; may have a path
	ExternalID string // asked for by that role; empty: by none
	GroupTag   string // tag whose value makes a group of instances that share nothing else; empty: none
}

// FromEnv reads what the stack tells its functions. Every name that is missing is
// in the error. Account and region are those of the state machine.
func FromEnv(env func(string) string) (Config, error) {
	var missing []error
	need := func(name string) string {
		value := env(name)
		if value == "" {
			missing = append(missing, fmt.Errorf("%s is not set", name))
		}
		return value
	}
	c := Config{
		Intake:       need("DIFFY_INTAKE_BUCKET"),
		Evidence:     need("DIFFY_EVIDENCE_BUCKET"),
		Work:         need("DIFFY_WORK_BUCKET"),
		Table:        need("DIFFY_TABLE"),
		Topic:        need("DIFFY_TOPIC_ARN"),
		StateMachine: need("DIFFY_STATE_MACHINE_ARN"),
		Document:     need("DIFFY_DOCUMENT"),
		TargetRole:   need("DIFFY_TARGET_ROLE"),
		ChatTopic:    env("DIFFY_CHAT_TOPIC_ARN"),
		ExternalID:   env("DIFFY_EXTERNAL_ID"),
		GroupTag:     env("DIFFY_GROUP_TAG"),
	}
	if err := errors.Join(missing...); err != nil {
		return Config{}, fmt.Errorf("read environment: %w", err)
	}
	arn := strings.Split(c.StateMachine, ":") // arn:aws:states:REGION:ACCOUNT:stateMachine:NAME
	if len(arn) != 7 {
		return Config{}, fmt.Errorf("read environment: DIFFY_STATE_MACHINE_ARN is no ARN: %q", c.StateMachine)
	}
	c.Region, c.Account = arn[3], arn[4]
	return c, nil
}
