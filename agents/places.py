"""Where things stand on the axes of the arrays: blocs and channels. Names are in the data tables."""

SENDER, TARGET, EUROPE, OTHER = range(4)
"""Blocs: the one that sets chip controls, the one they aim at, Europe, everybody else."""
BLOCS = 4
LEGAL, SMUGGLED, CLOUD, DOMESTIC = range(4)
"""Channels by which chips reach a bloc."""
CLOSED, OPEN = range(2)
"""Openness of a model: behind an interface, or with published weights."""
LATEST, PREVIOUS = range(2)
"""Vintages of a lab's models that are on offer."""
STANCE_CLOSED, STANCE_SMALL, STANCE_FLAGSHIP = range(3)
"""What a lab publishes: nothing, a small model beside a closed flagship, or its flagship."""
