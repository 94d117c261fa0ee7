// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	// The ports lie below 32768, where Linux begins to hand out ephemeral ports to outgoing connections.
	lowestPort  = 20000
	highestPort = 32000
	// portAttempts bounds the search for one; nearly every attempt finds a free port.
	portAttempts = 1000
)

// FreePorts returns n distinct loopback TCP ports between 20000 and 32000 that were free a moment ago. They are random,
// as other test processes choose at the same time; one that lost the race sees ErrPortTaken.
func FreePorts(n int) ([]int, error) {
	var (
		ports     []int
		listeners []net.Listener
	)
	// All are held until the last is found, which makes them distinct.
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	for range n {
		port, l, err := listen()
		if err != nil {
			return nil, fmt.Errorf("find %d free ports: %w", n, err)
		}
		listeners, ports = append(listeners, l), append(ports, port)
	}
	return ports, nil
}

// listen takes a free port.
func listen() (int, net.Listener, error) {
	for range portAttempts {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if l, err := net.Listen("tcp", loopback(port)); err == nil {
			return port, l, nil
		}
	}
	return 0, nil, errors.New("nearly all are taken")
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
