package main

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// streamsResult counts streams that gave their first event, and those that did not within a minute.
type streamsResult struct {
	Open   int `json:"open"`
	Failed int `json:"failed"`
}

// Opened at the same time. More would measure how a proxy takes a crowd, not what a stream costs it.
const openingAtOnce = 64

// openStreams opens idle event streams and leaves them open.
func openStreams(port int, path string, count int, tokens []string) streamsResult {
	opened := make([]net.Conn, count)
	indexes := make(chan int)
	var opening sync.WaitGroup
	for worker := 0; worker < openingAtOnce; worker++ {
		opening.Add(1)
		go func() {
			defer opening.Done()
			buffer := make([]byte, 4096)
			for index := range indexes {
				opened[index] = openStream(streamRequest(port, path, tokens[index%len(tokens)]), port, buffer)
			}
		}()
	}
	for index := range opened {
		indexes <- index
	}
	close(indexes)
	opening.Wait()
	result := streamsResult{}
	for _, connection := range opened {
		if connection == nil {
			result.Failed++
		} else {
			result.Open++
		}
	}
	keep = opened
	return result
}

// What is not held would be collected, and closed with that.
var keep []net.Conn

// openStream resolves with the connection when the first event has come, and with nil when none comes.
func openStream(request []byte, port int, buffer []byte) net.Conn {
	connection, err := dial(port)
	if err != nil {
		return nil
	}
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	if _, err = connection.Write(request); err == nil && receivesEvent(connection, buffer) {
		_ = connection.SetDeadline(time.Time{})
		return connection
	}
	_ = connection.Close()
	return nil
}

func receivesEvent(connection net.Conn, buffer []byte) bool {
	for filled := 0; filled < len(buffer); {
		count, err := connection.Read(buffer[filled:])
		if err != nil {
			return false
		}
		filled += count
		if bytes.Contains(buffer[:filled], stampName) {
			return status(buffer[:filled]) == 200
		}
	}
	return false
}
