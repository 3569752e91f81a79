"""`backtest`: where its samples come from, and how its result is shown."""
