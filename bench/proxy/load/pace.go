package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// pace sends the moment at which each call is due, and does so at that moment. Go's own timers are late by up to a
// millisecond when nothing else happens; a timer of the kernel, waited for like a socket, is not.
func pace(rate int, begin, end time.Time) <-chan time.Time {
	step := time.Second / time.Duration(rate)
	due := make(chan time.Time, 1<<16)
	timer := kernelTimer(step)
	go func() {
		defer close(due)
		defer timer.Close()
		expirations := make([]byte, 8)
		for next := begin; next.Before(end); {
			if _, err := timer.Read(expirations); err != nil {
				return
			}
			for now := time.Now(); !next.After(now) && next.Before(end); next = next.Add(step) {
				due <- next
			}
		}
	}()
	return due
}

const clockMonotonic, nonBlocking = 1, 0x800

// kernelTimer is a file that can be read once every step. @see timerfd_create(2)
func kernelTimer(step time.Duration) *os.File {
	descriptor, _, failure := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, nonBlocking, 0)
	if failure != 0 {
		fail("timerfd_create: " + failure.Error())
	}
	every := syscall.NsecToTimespec(step.Nanoseconds())
	setting := [2]syscall.Timespec{every, every}
	_, _, failure = syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, descriptor, 0, uintptr(unsafe.Pointer(&setting)), 0, 0, 0)
	if failure != 0 {
		fail("timerfd_settime: " + failure.Error())
	}
	return os.NewFile(descriptor, "timer")
}
