//go:build !linux

package main

import "time"

func sleep(pause time.Duration) { time.Sleep(pause) }
