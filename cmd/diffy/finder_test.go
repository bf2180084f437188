package main

import "testing"

func TestFinder(t *testing.T) {
	tests := []struct {
		name, value, in string
		want            bool
	}{
		{"the whole", "root", "root", true},
		{"a word only whole", "rooted", "/bin/rooted -i", false},
		{"a number only whole", "4444", "nc -l 4444", false},
		{"a path in a command line", "/tmp/.x/bash", "sh -c '/tmp/.x/bash -i'", true},
		{"a path at the end", "/tmp/.x/bash", "exec /tmp/.x/bash", true},
		{"not a longer path", "/tmp/.x", "/tmp/.x/bash", false},
		{"not the end of another path", "/usr/bin/id", "/chroot/usr/bin/id", false},
		{"not a longer name", "/usr/bin/node", "/usr/bin/node18", false},
		{"an address with a port", "198.51.100.7", "198.51.100.7:443", true},
		{"not a longer address", "198.51.100.7", "198.51.100.71", false},
		{"not a part of an address", "51.100.7", "198.51.100.7", false},
		{"an address at the end of a sentence", "198.51.100.7", "calls 198.51.100.7.", true},
		{"the domain above a subdomain", "evil.example", "https://cdn.evil.example/", true},
		{"a domain in a URL", "evil.example", "curl https://evil.example/x", true},
		{"not the beginning of a longer domain", "evil.example", "https://evil.example.org/", false},
		{"a later place", "/bin/sh", "/bin/shred; /bin/sh", true},
		{"a hash in capitals", "E3B0C44298FC1C149AFBF4C8996FB924", "sha:e3b0c44298fc1c149afbf4c8996fb924", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := newFinder(test.value).in(test.in); got != test.want {
				t.Errorf("%q in %q: %v", test.value, test.in, got)
			}
		})
	}
}
