package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/sdk/abi"
)

func do(action, arguments string) (string, error) {
	for _, a := range plugin().Actions {
		if a.Name == action {
			out, err := a.Do(&abi.ActInput{Action: action, Arguments: abi.Raw(arguments)})
			if err != nil {
				return "", err
			}
			return out.Content[0].Text, nil
		}
	}
	return "", nil
}

func TestDesk(t *testing.T) {
	got, err := do("read_document", `{"name":"invoice"}`)
	require.NoError(t, err)
	require.Contains(t, got, "DE89370400440532013000")
	got, err = do("pay", `{"to":"X","amount":12.5}`)
	require.NoError(t, err)
	require.Equal(t, "paid 12.5 to X", got)
	for action, bad := range map[string]string{"read_document": `{"name":"diary"}`, "pay": `{"to":7,"amount":1}`} {
		_, err = do(action, bad)
		require.Error(t, err)
	}
	_, err = do("pay", `{"to":"X"}`)
	require.ErrorContains(t, err, "amount")
}
