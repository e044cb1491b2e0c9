"""What WeChat is asked about photos and pushes back: the door that it knocks at, and the jobs."""
