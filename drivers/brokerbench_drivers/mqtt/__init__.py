"""MQTT: Mosquitto, or any broker by url, through paho-mqtt."""

from .driver import DRIVER

__all__ = ["DRIVER"]
