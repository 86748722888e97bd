BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE audit (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at_ms BIGINT NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	project_id VARCHAR(64), 
	detail JSON NOT NULL
);
INSERT INTO "audit" VALUES(1,1700000000000,'system','project.create','shop','shop','{"name": "\uc0c1\uc810", "region": "kr"}');
INSERT INTO "audit" VALUES(2,1700000000000,'system','key.create','9a75e9eb360e3a14','shop','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}');
INSERT INTO "audit" VALUES(3,1700000000000,'system','key.create','54bb6fe4dff65ba4','shop','{"name": "token", "scopes": "read", "expiresMs": null}');
INSERT INTO "audit" VALUES(4,1700000000000,'system','project.create','other','other','{"name": "other", "region": "jp"}');
INSERT INTO "audit" VALUES(5,1700000000000,'system','key.create','f2f304f0dfa50d66','other','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}');
INSERT INTO "audit" VALUES(6,1700000000000,'system','key.create','344d9ae1c8d273e1','other','{"name": "token", "scopes": "read", "expiresMs": null}');
INSERT INTO "audit" VALUES(7,1700000000000,'system','project.create','gone','gone','{"name": "gone", "region": "kr"}');
INSERT INTO "audit" VALUES(8,1700000000000,'system','key.create','d5870765a31d79ca','gone','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}');
INSERT INTO "audit" VALUES(9,1700000000000,'system','key.create','e25890bfb4de0685','gone','{"name": "token", "scopes": "read", "expiresMs": null}');
INSERT INTO "audit" VALUES(10,1700000000000,'system','project.delete','gone','gone','{"name": "gone"}');
INSERT INTO "audit" VALUES(11,1700000000000,'system','server.create','018bcfe5-6800-7b5c-9721-7ce7cc7dfc32','shop','{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}');
INSERT INTO "audit" VALUES(12,1700000000000,'system','workspace.create','018bcfe5-6800-7b5c-9721-7ce8bf69f38d','shop','{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}');
INSERT INTO "audit" VALUES(13,1700000000000,'system','target.create','018bcfe5-6800-7b5c-9721-7ce9a5e3d261','shop','{"hostId": "018bcfe5-6800-7b5c-9721-7ce7cc7dfc32", "port": 9100}');
INSERT INTO "audit" VALUES(14,1700000000000,'system','key.create','4477cd1d67cb8740','shop','{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}');
CREATE TABLE keys (
	key_id VARCHAR(64) NOT NULL, 
	pcode INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	secret_hash BLOB NOT NULL, 
	scopes VARCHAR(64) NOT NULL, 
	created_ms BIGINT NOT NULL, 
	expires_ms BIGINT, 
	last_used_ms BIGINT, 
	CONSTRAINT pk_keys PRIMARY KEY (key_id), 
	CONSTRAINT fk_keys_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "keys" VALUES('9a75e9eb360e3a14',1,'appkey',X'39423B315ED1C50F137D592CE471BBC79D8E16F8010815F5AB671871F4424C9A','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('54bb6fe4dff65ba4',1,'token',X'DD5C67605E6C3B70F882FE6D9ABE94DD0BEDFFB230E277670A04A66BDC7C201A','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('f2f304f0dfa50d66',2,'appkey',X'D7CCDAC892848AE15123E4EC08A71B3A0F42D5B64D346B0E8D68F56FE10F369A','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('344d9ae1c8d273e1',2,'token',X'B1B854EA52C1C155E6D2978F068037F257BE94688B30F6011BDF0F9EF4283913','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('4477cd1d67cb8740',1,'ci',X'97FE6D060277B82F0BD6313E3EA3F2FC4038214B6F7B65940405E2196466E2B4','write',1700000000000,1900000000000,NULL);
CREATE TABLE projects (
	pcode INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	retention_ms BIGINT NOT NULL, 
	linux_workspace BOOLEAN NOT NULL, 
	limits JSON NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT uq_projects_project_id UNIQUE (project_id)
);
INSERT INTO "projects" VALUES(1,'shop','상점','kr',2592000000,1,'{"max_keys": 7}',1700000000000);
INSERT INTO "projects" VALUES(2,'other','other','jp',1296000000,1,'{}',1700000000000);
CREATE TABLE servers (
	host_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	address VARCHAR(255) NOT NULL, 
	instance_id VARCHAR(255), 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_servers PRIMARY KEY (host_id), 
	CONSTRAINT uq_servers_pcode_region_name UNIQUE (pcode, region, name), 
	CONSTRAINT fk_servers_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "servers" VALUES('018bcfe5-6800-7b5c-9721-7ce7cc7dfc32',1,'kr','web-1','192.0.2.10','i-1',1700000000000);
CREATE TABLE target_states (
	target_id VARCHAR(36) NOT NULL, 
	result_code INTEGER NOT NULL, 
	reason VARCHAR(500), 
	since_ms BIGINT NOT NULL, 
	CONSTRAINT pk_target_states PRIMARY KEY (target_id), 
	CONSTRAINT fk_target_states_target_id_targets FOREIGN KEY(target_id) REFERENCES targets (target_id) ON DELETE CASCADE
);
CREATE TABLE targets (
	target_id VARCHAR(36) NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	host_id VARCHAR(36) NOT NULL, 
	port INTEGER NOT NULL, 
	modified_ms BIGINT NOT NULL, 
	CONSTRAINT pk_targets PRIMARY KEY (target_id), 
	CONSTRAINT uq_targets_job_id_host_id_port UNIQUE (job_id, host_id, port), 
	CONSTRAINT fk_targets_job_id_workspaces FOREIGN KEY(job_id) REFERENCES workspaces (job_id) ON DELETE CASCADE, 
	CONSTRAINT fk_targets_host_id_servers FOREIGN KEY(host_id) REFERENCES servers (host_id) ON DELETE CASCADE
);
INSERT INTO "targets" VALUES('018bcfe5-6800-7b5c-9721-7ce88fd0a2e3','018bcfe5-6800-7b5c-9721-7ce664ac159e','018bcfe5-6800-7b5c-9721-7ce7cc7dfc32',9100,1700000000000);
INSERT INTO "targets" VALUES('018bcfe5-6800-7b5c-9721-7ce9a5e3d261','018bcfe5-6800-7b5c-9721-7ce8bf69f38d','018bcfe5-6800-7b5c-9721-7ce7cc7dfc32',9100,1700000000000);
CREATE TABLE workspaces (
	job_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	metrics_path VARCHAR(1024) NOT NULL, 
	description VARCHAR(4000), 
	reserved_code VARCHAR(64), 
	modified_ms BIGINT NOT NULL, 
	CONSTRAINT pk_workspaces PRIMARY KEY (job_id), 
	CONSTRAINT uq_workspaces_pcode_region_name UNIQUE (pcode, region, name), 
	CONSTRAINT fk_workspaces_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7b5c-9721-7ce664ac159e',1,'kr','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7b5c-9721-7ce70d30fe46',2,'jp','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7b5c-9721-7ce8bf69f38d',1,'kr','app','/metrics?x=1',NULL,NULL,1700000000000);
CREATE INDEX ix_keys_pcode ON keys (pcode);
CREATE INDEX ix_targets_host_id ON targets (host_id);
CREATE INDEX ix_audit_project_id_sequence ON audit (project_id, sequence);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('projects',3);
INSERT INTO "sqlite_sequence" VALUES('audit',14);
COMMIT;
