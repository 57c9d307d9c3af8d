"""The parts of tools/agent_bench."""
