"""What a turn means: sentiment, intents, facts, objections, questions, commitments, and talk shares."""
