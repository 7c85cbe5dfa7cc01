"""The prediction log of one worker: every answer, in segment files of its own, without a wait for the disk."""
