BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE audit (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at_ms BIGINT NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	project_id VARCHAR(64), 
	detail JSON NOT NULL
, address VARCHAR(255));
INSERT INTO "audit" VALUES(1,1700000000000,'system','project.create','shop','shop','{"name": "\uc0c1\uc810", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(2,1700000000000,'system','key.create','e3adf1fdba10aad7','shop','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(3,1700000000000,'system','key.create','a7a42cb634f0e663','shop','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(4,1700000000000,'system','project.create','other','other','{"name": "other", "region": "jp"}',NULL);
INSERT INTO "audit" VALUES(5,1700000000000,'system','key.create','df83764ded42387e','other','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(6,1700000000000,'system','key.create','61d5c80b1382543a','other','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(7,1700000000000,'system','project.create','gone','gone','{"name": "gone", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(8,1700000000000,'system','key.create','8cc5a20b433a24af','gone','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(9,1700000000000,'system','key.create','7de7282a43acce85','gone','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(10,1700000000000,'system','project.delete','gone','gone','{"name": "gone"}',NULL);
INSERT INTO "audit" VALUES(11,1700000000000,'system','server.create','018bcfe5-6800-7800-8658-427db90bb3e9','shop','{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(12,1700000000000,'system','workspace.create','018bcfe5-6800-7800-8658-427e78695311','shop','{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}',NULL);
INSERT INTO "audit" VALUES(13,1700000000000,'system','target.create','018bcfe5-6800-7800-8658-427f3c15ac2b','shop','{"hostId": "018bcfe5-6800-7800-8658-427db90bb3e9", "port": 9100}',NULL);
INSERT INTO "audit" VALUES(14,1700000000000,'system','key.create','bc17215a499cd7e3','shop','{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}',NULL);
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
INSERT INTO "keys" VALUES('e3adf1fdba10aad7',1,'appkey',X'DF4B4017EF60B0EF5F1C9943C92343B04DFE933A7FCF13C1C9ABBA20D4C71A89','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('a7a42cb634f0e663',1,'token',X'3A68D0CE9E8A85AE867BCE661F8ACF96E7BF6FA35CC23BD060120846DF837930','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('df83764ded42387e',2,'appkey',X'DBB58B6CA21A610D8353881DDED3DC08F4EE21022EFEC9EB8A7B7F9A23376C2B','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('61d5c80b1382543a',2,'token',X'0CDD776AAFA2B4F1432A39C66DFC8B4D44F2C4806F19ACB5D0DCF21AD2829DC8','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('bc17215a499cd7e3',1,'ci',X'9CAEC4083AA02222A2E0AD794A44324AB938CB2906809BDC77011965D63A28B7','write',1700000000000,1900000000000,NULL);
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
INSERT INTO "servers" VALUES('018bcfe5-6800-7800-8658-427db90bb3e9',1,'kr','web-1','192.0.2.10','i-1',1700000000000);
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
INSERT INTO "targets" VALUES('018bcfe5-6800-7800-8658-427dd1cd5e32','018bcfe5-6800-7800-8658-427ce0ad7c22','018bcfe5-6800-7800-8658-427db90bb3e9',9100,1700000000000);
INSERT INTO "targets" VALUES('018bcfe5-6800-7800-8658-427f3c15ac2b','018bcfe5-6800-7800-8658-427e78695311','018bcfe5-6800-7800-8658-427db90bb3e9',9100,1700000000000);
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
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7800-8658-427ce0ad7c22',1,'kr','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7800-8658-427d239b6fac',2,'jp','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7800-8658-427e78695311',1,'kr','app','/metrics?x=1',NULL,NULL,1700000000000);
CREATE INDEX ix_keys_pcode ON keys (pcode);
CREATE INDEX ix_targets_host_id ON targets (host_id);
CREATE INDEX ix_audit_project_id_sequence ON audit (project_id, sequence);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('projects',3);
INSERT INTO "sqlite_sequence" VALUES('audit',14);
COMMIT;
