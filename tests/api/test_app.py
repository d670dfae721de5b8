"""The application starts its services and stops them; then nothing holds them any more."""

import gc
import shutil
import weakref
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from hashsvc.api import Services, create_app
from hashsvc.matching import BankIndex
from hashsvc.settings import Settings


def used(settings: Settings) -> tuple[weakref.ref[FastAPI], weakref.ref[BankIndex]]:
    """Have a service answer each of the open calls, stop it, and return what it was."""
    services = Services.build(settings)
    app = create_app(services)
    with TestClient(app) as client:
        for path in ("/", "/health", "/ready", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        assert client.get("/v1/cases/nowhere").status_code == 401
    return weakref.ref(app), weakref.ref(services.bank_index)


def test_a_stopped_service_is_let_go_of(settings: Settings, new_data: Path) -> None:
    shutil.copytree(new_data, settings.data_dir)
    app, bank_index = used(settings)
    gc.collect()
    assert app() is None
    assert bank_index() is None
