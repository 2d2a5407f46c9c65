"""The pretend vault: a LastPass reporting API with every switch and every fault, for any client to try.

It knows nothing of the forwarder's own source on purpose: two programs that share no code can only agree
when both are right. `server.PretendVault` is the way in; `options.VaultOptions` holds the switches.
"""
