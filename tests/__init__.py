"""The suite; one folder per room, journeys in flows/, rules about the repository in house/."""
