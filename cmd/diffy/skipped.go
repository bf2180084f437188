package main

// skipped tells of files that are no evidence. A folder of something else has many
// of them: the first are named with the reason, the others are counted.
type skipped struct {
	app   *app
	count int
}

// mostSkipped is how many are named.
const mostSkipped = 5

func (s *skipped) say(path, reason string) {
	if s.count++; s.count <= mostSkipped {
		s.app.say("%s skipped: %s", path, reason)
	}
}

// rest counts those that were not named.
func (s *skipped) rest() {
	if more := s.count - mostSkipped; more > 0 {
		s.app.say("%s skipped: no evidence either", plural(more, "more file", "more files"))
	}
}
