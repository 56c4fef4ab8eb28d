"""The door: pure rules of when it is unlocked, who may pass when, and what is reported."""
