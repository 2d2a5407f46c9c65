"""The status page: server-rendered, without a script and without anything from outside."""
