package main

import (
	"testing"
	"time"
)

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	tests := []struct{ text, want string }{
		{"", ""},
		{"90d", "2027-02-22T03:00:00Z"},
		{"2w", "2026-12-08T03:00:00Z"},
		{"12h", "2026-11-24T15:00:00Z"},
		{"2027-01-31", "2027-01-31T00:00:00Z"},
		{"2027-01-31T08:00:00+02:00", "2027-01-31T06:00:00Z"},
		{"0d", "error"},
		{"2026-11-24", "error"},
		{"-3d", "error"},
		{"99999999999d", "error"},
		{"40000w", "error"}, // longer than a time.Duration
		{"tomorrow", "error"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := expiry(test.text, now)
			if err != nil {
				got = "error"
			}
			if got != test.want {
				t.Errorf("%q, expected %q (%v)", got, test.want, err)
			}
		})
	}
}
