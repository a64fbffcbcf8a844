"""Only test_speed.py is for pytest; the other files are commands, and adapters of programs."""

collect_ignore_glob = ["peers/*", "[!t]*.py", "t[!e]*.py"]
