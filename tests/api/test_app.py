"""The application starts and stops its services, and nothing keeps them in memory afterwards."""

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
    """Run a service, make each call that needs no key, stop it, and return weak references."""
    services = Services.build(settings)
    app = create_app(services)
    with TestClient(app) as client:
        for path in ("/", "/health", "/ready", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        assert client.get("/v1/cases/nowhere").status_code == 401
    return weakref.ref(app), weakref.ref(services.bank_index)


def test_a_stopped_service_is_garbage_collected(settings: Settings, new_data: Path) -> None:
    shutil.copytree(new_data, settings.data_dir)
    app, bank_index = used(settings)
    gc.collect()
    assert app() is None
    assert bank_index() is None
