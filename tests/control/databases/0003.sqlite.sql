BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
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
INSERT INTO "audit" VALUES(2,1700000000000,'system','key.create','d827215401032374','shop','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(3,1700000000000,'system','key.create','0289ba90bbeebb41','shop','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(4,1700000000000,'system','project.create','other','other','{"name": "other", "region": "jp"}',NULL);
INSERT INTO "audit" VALUES(5,1700000000000,'system','key.create','9abda953f0aea4f1','other','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(6,1700000000000,'system','key.create','9af740fcf19255a6','other','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(7,1700000000000,'system','project.create','gone','gone','{"name": "gone", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(8,1700000000000,'system','key.create','9c45fc6b05e97945','gone','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(9,1700000000000,'system','key.create','429937809dd74342','gone','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(10,1700000000000,'system','project.delete','gone','gone','{"name": "gone"}',NULL);
INSERT INTO "audit" VALUES(11,1700000000000,'system','server.create','018bcfe5-6800-7e27-8b7c-aa379c93aa6f','shop','{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(12,1700000000000,'system','workspace.create','018bcfe5-6800-7e27-8b7c-aa37e46dc120','shop','{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}',NULL);
INSERT INTO "audit" VALUES(13,1700000000000,'system','target.create','018bcfe5-6800-7e27-8b7c-aa38946611cb','shop','{"hostId": "018bcfe5-6800-7e27-8b7c-aa379c93aa6f", "port": 9100}',NULL);
INSERT INTO "audit" VALUES(14,1700000000000,'system','key.create','dc1a4f0fc81abed1','shop','{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}',NULL);
INSERT INTO "audit" VALUES(15,1700000000000,'system','workspace.scrape','018bcfe5-6800-7e27-8b7c-aa37e46dc120','shop','{"options": ["scrape_interval"]}',NULL);
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
INSERT INTO "keys" VALUES('d827215401032374',1,'appkey',X'4880E3E952B09070B6F85581FCC47B81A5DA0D611F66A6A9BDA3BD2257E11C6B','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('0289ba90bbeebb41',1,'token',X'237C16E8FA5A82ECD5F88DB00AA1061D1C81E3BC660B4DBCAC23E6F76578B92E','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('9abda953f0aea4f1',2,'appkey',X'A46C17125B6EBCD52657355393AE2501A29EEB750B517F9C9179B070C59A2B03','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('9af740fcf19255a6',2,'token',X'26D04995E778D0E337B128E1CF37CF21FEAA2DEA8C44DD62AD1EFB54A3EE6DDE','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('dc1a4f0fc81abed1',1,'ci',X'3F73B5A8499D4E8D858B10417D138048AC75AE47AFBA8914FB463FD223877560','write',1700000000000,1900000000000,NULL);
CREATE TABLE projects (
	pcode INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	retention_ms BIGINT NOT NULL, 
	linux_workspace BOOLEAN NOT NULL, 
	limits JSON NOT NULL, 
	created_ms BIGINT NOT NULL, targets_revision BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT uq_projects_project_id UNIQUE (project_id)
);
INSERT INTO "projects" VALUES(1,'shop','상점','kr',2592000000,1,'{"max_keys": 7}',1700000000000,3);
INSERT INTO "projects" VALUES(2,'other','other','jp',1296000000,1,'{}',1700000000000,0);
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
INSERT INTO "servers" VALUES('018bcfe5-6800-7e27-8b7c-aa379c93aa6f',1,'kr','web-1','192.0.2.10','i-1',1700000000000);
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
	modified_ms BIGINT NOT NULL, scrape TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_targets PRIMARY KEY (target_id), 
	CONSTRAINT uq_targets_job_id_host_id_port UNIQUE (job_id, host_id, port), 
	CONSTRAINT fk_targets_job_id_workspaces FOREIGN KEY(job_id) REFERENCES workspaces (job_id) ON DELETE CASCADE, 
	CONSTRAINT fk_targets_host_id_servers FOREIGN KEY(host_id) REFERENCES servers (host_id) ON DELETE CASCADE
);
INSERT INTO "targets" VALUES('018bcfe5-6800-7e27-8b7c-aa37dc78b993','018bcfe5-6800-7e27-8b7c-aa3679eaf28b','018bcfe5-6800-7e27-8b7c-aa379c93aa6f',9100,1700000000000,'');
INSERT INTO "targets" VALUES('018bcfe5-6800-7e27-8b7c-aa38946611cb','018bcfe5-6800-7e27-8b7c-aa37e46dc120','018bcfe5-6800-7e27-8b7c-aa379c93aa6f',9100,1700000000000,'');
CREATE TABLE workspaces (
	job_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	metrics_path VARCHAR(1024) NOT NULL, 
	description VARCHAR(4000), 
	reserved_code VARCHAR(64), 
	modified_ms BIGINT NOT NULL, scrape TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_workspaces PRIMARY KEY (job_id), 
	CONSTRAINT uq_workspaces_pcode_region_name UNIQUE (pcode, region, name), 
	CONSTRAINT fk_workspaces_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7e27-8b7c-aa3679eaf28b',1,'kr','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000,'');
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7e27-8b7c-aa37179c33ba',2,'jp','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000,'');
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7e27-8b7c-aa37e46dc120',1,'kr','app','/metrics?x=1',NULL,NULL,1700000000000,'{"scrape_interval": "30s"}');
CREATE INDEX ix_keys_pcode ON keys (pcode);
CREATE INDEX ix_targets_host_id ON targets (host_id);
CREATE INDEX ix_audit_project_id_sequence ON audit (project_id, sequence);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('projects',3);
INSERT INTO "sqlite_sequence" VALUES('audit',15);
COMMIT;
