package storetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// Flood is a storm of findings about hosts of one group.
type Flood struct {
	Events [][]byte // as EventBridge delivers them, in no order
	IDs    []string // of the findings, each once
}

// NewFlood makes so many events of so many findings: each finding comes once, the
// rest are deliveries of the same update again, or earlier updates that come late.
// Severity is 5; hosts are accused in turn. The same seed makes the same flood.
func NewFlood(seed uint64, events, findings int, hosts []string) Flood {
	r := rand.New(rand.NewPCG(seed, 0))
	var f Flood
	for i := range events {
		n, age := i, time.Duration(0)
		if i >= findings {
			n, age = r.IntN(findings), time.Duration(r.IntN(2))*15*time.Minute
		} else {
			f.IDs = append(f.IDs, floodID(seed, n))
		}
		f.Events = append(f.Events, floodEvent(seed, n, hosts[n%len(hosts)], stormTime.Add(-age)))
	}
	r.Shuffle(len(f.Events), func(i, j int) { f.Events[i], f.Events[j] = f.Events[j], f.Events[i] })
	return f
}

func floodID(seed uint64, n int) string { return fmt.Sprintf("%08x%024x", seed, n) }

func floodEvent(seed uint64, n int, host string, updated time.Time) []byte {
	types := []string{"UnauthorizedAccess:EC2/SSHBruteForce", "Backdoor:EC2/C&CActivity.B", "CryptoCurrency:EC2/BitcoinTool.B"}
	data, err := json.Marshal(map[string]any{
		"version": "0", "id": fmt.Sprint("event-", n), "detail-type": "GuardDuty Finding", "source": "aws.guardduty",
		"account": "111122223333", "region": "eu-west-1", "time": updated.Format(time.RFC3339), "resources": []string{},
		"detail": map[string]any{
			"schemaVersion": "2.0", "accountId": "111122223333", "region": "eu-west-1", "partition": "aws",
			"id": floodID(seed, n), "type": types[n%len(types)], "severity": 5, "updatedAt": updated.Format("2006-01-02T15:04:05.000Z"),
			"resource": map[string]any{"resourceType": "Instance", "instanceDetails": map[string]any{"instanceId": host}},
			"service": map[string]any{
				"eventLastSeen": updated.Format(time.RFC3339), "archived": false,
				"action": map[string]any{"networkConnectionAction": map[string]any{
					"connectionDirection": "OUTBOUND", "remotePortDetails": map[string]any{"port": 443},
					"remoteIpDetails": map[string]any{"ipAddressV4": fmt.Sprintf("100.%d.%d.%d", 64+seed%64, n/250, 1+n%250)},
				}},
			},
		},
	})
	if err != nil {
		panic(err) // maps of plain values
	}
	return data
}
