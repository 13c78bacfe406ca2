"""Where the README's figures come from: ratios against a limit or a peer in the same run, as machines are noisy."""
