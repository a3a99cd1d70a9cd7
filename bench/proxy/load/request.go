package main

import (
	"bytes"
	"fmt"
	"strings"
)

const requestHead = "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n" +
	"Accept: application/json, text/event-stream\r\nUser-Agent: bench-client/1.0\r\nMcp-Protocol-Version: 2025-11-25\r\n" +
	"Mcp-Session-Id: %s\r\nAccept-Language: *\r\nSec-Fetch-Mode: cors\r\n"

// toolCall is an ordinary call with a body of 300 bytes.
func toolCall(port int, path, line string) []byte {
	token, session := splitLine(line)
	start := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"`
	end := `"}}}`
	body := start + strings.Repeat("a", 300-len(start)-len(end)) + end
	head := fmt.Sprintf(requestHead, "POST", path, port, token, session)
	return []byte(fmt.Sprintf("%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body))
}

func streamRequest(port int, path, line string) []byte {
	token, session := splitLine(line)
	return []byte(fmt.Sprintf(requestHead, "GET", path, port, token, session) + "\r\n")
}

// splitLine takes a line apart: a bearer token, and behind a blank the id of the session as its client knows it.
func splitLine(line string) (token, session string) {
	token, session, found := strings.Cut(line, " ")
	if !found {
		session = "none"
	}
	return token, session
}

// numbered is a request with a row of # in it, which becomes a number: another request each time, for the price of a
// few digits.
type numbered struct {
	request []byte
	digits  []byte
}

func newNumbered(request []byte) numbered {
	start := bytes.IndexByte(request, '#')
	if start < 0 {
		return numbered{request, nil}
	}
	end := start
	for request[end] == '#' {
		end++
	}
	return numbered{request, request[start:end]}
}

func (numbered numbered) with(number int64) []byte {
	for at := len(numbered.digits) - 1; at >= 0; at-- {
		numbered.digits[at] = byte('0' + number%10)
		number /= 10
	}
	return numbered.request
}
