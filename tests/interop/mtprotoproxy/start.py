#!/usr/bin/env python3
"""Starts PyPI's mtprotoproxy as it is: start.py CONFIG. It was written for the asyncio of Python 3.7, where
servers were told their loop."""

import asyncio
import os
import runpy
import sys

start_server = asyncio.start_server
asyncio.start_server = lambda *args, loop=None, **kw: start_server(*args, **kw)
runpy.run_path(os.path.join(os.path.dirname(sys.executable), "mtprotoproxy.py"), run_name="__main__")
