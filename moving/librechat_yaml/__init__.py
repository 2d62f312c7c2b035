"""LibreChat's own configuration file, loaded into channels, presets, rules and settings."""

from moving.librechat_yaml.loading import load
from moving.librechat_yaml.report import Report

__all__ = ["Report", "load"]
