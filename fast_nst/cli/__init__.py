"""The command ``fast-nst``: one module per subcommand, loaded when it is used."""
