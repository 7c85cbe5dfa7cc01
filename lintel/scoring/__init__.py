"""Models, calibration, explanations, evaluation and the score bundle."""
