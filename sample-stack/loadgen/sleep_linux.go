package main

import (
	"syscall"
	"time"
)

// sleep asks the system itself: timers of Go's runtime are late by up to a millisecond when there
// is little else to do, as much as a request takes.
func sleep(pause time.Duration) {
	span := syscall.NsecToTimespec(int64(pause))
	// Where a signal ends it early, the caller looks at the time again.
	_ = syscall.Nanosleep(&span, nil)
}
