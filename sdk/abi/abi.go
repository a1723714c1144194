// Package abi holds the messages between host and guest, version bo1.
package abi
