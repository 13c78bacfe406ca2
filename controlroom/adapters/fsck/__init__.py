"""The audit of `controlroom fsck`: the database against the topic."""
