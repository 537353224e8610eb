# On a machine without ROS; with ROS this is an ordinary colcon package (see README.md).
SHELL := /bin/bash
.PHONY: setup build demo test check docs clean

setup:
	@scripts/setup.sh

build: setup
	@rm -rf install/pedsam_ros  # or modules that have moved would stay there
	@. scripts/env.bash && colcon --log-base log build --base-paths . --event-handlers console_direct- \
	  --cmake-args -DBUILD_TESTING=OFF -DPEDSAM_ASSETS=ON -Wno-dev

demo: build
	@./pedsam demo

test: build
	@. scripts/env.bash && python -m pytest test

check: setup
	@. scripts/env.bash && ruff check . && ruff format --check . && mypy && codespell && \
	  env -u AMENT_PREFIX_PATH PYTHONPATH=src python -m pytest test/core

docs: setup
	@rm -rf docs/api build/docs
	@. scripts/env.bash && PYTHONPATH=src python -m sphinx -q -W --keep-going -j auto -d build/doctrees docs build/docs
	@echo 'docs: open build/docs/index.html'

clean:
	@rm -rf docs/api build install log out .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
